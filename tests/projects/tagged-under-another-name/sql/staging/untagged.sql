SELECT
    client_id,
    TO_HEX(MD5(client_nino)) AS person
FROM raw.fees
