locals {
  labels = {
    app         = "fees-etl"
    environment = var.environment
    managed_by  = "terraform"
  }

  # Nothing that holds data in prod can be destroyed by a plan.
  is_prod = var.environment == "prod"
}
