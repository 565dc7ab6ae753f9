{# Why a record of a file version could not be typed. -#}
SELECT reasons
FROM raw.fees_rejected
WHERE
    _source_file = {{ uri | literal }}
    AND _source_version = {{ version | literal }}
    AND _source_row = {{ row }}
