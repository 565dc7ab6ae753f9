environment  = "dev"
project      = "wealth-fees-dev"
state_bucket = "wealth-fees-dev-tfstate"
alert_email  = "fees-dev-alerts@example.com"

max_cost = 1

readers = {
  engineers = ["group:data-engineers@example.com"]
}
