environment  = "ci"
project      = "wealth-fees-ci"
state_bucket = "wealth-fees-ci-tfstate"
alert_email  = "fees-ci-alerts@example.com"

max_cost = 1
