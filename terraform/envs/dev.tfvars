environment = "dev"
project     = "wealth-fees-dev"
alert_email = "fees-dev-alerts@example.com"

max_cost = 1

readers = {
  engineers = ["group:data-engineers@example.com"]
}
