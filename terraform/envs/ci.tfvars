environment = "ci"
project     = "wealth-fees-ci"
alert_email = "fees-ci-alerts@example.com"

max_cost = 1
