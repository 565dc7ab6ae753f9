environment = "prod"
project     = "wealth-fees-prod"
alert_email = "fees-prod-alerts@example.com"

operators = ["group:fees-operators@example.com"]

readers = {
  analysts        = ["group:analysts@example.com"]
  auditors        = ["group:auditors@example.com"]
  bi              = ["group:bi-tools@example.com"]
  engineers       = ["group:data-engineers@example.com"]
  senior_analysts = ["group:senior-analysts@example.com"]
}

uploaders = ["group:fees-uploaders@example.com"]
