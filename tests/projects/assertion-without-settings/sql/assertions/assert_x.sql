SELECT fee_date FROM staging.daily
