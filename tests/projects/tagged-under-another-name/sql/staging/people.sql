SELECT
    client_id,
    client_nino
FROM raw.fees
