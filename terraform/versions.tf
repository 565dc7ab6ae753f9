terraform {
  required_version = ">= 1.11"

  # Filled by -backend-config=envs/NAME.gcs.tfbackend: each environment keeps its state in a bucket of its own project.
  backend "gcs" {}

  required_providers {
    google = {
      source = "hashicorp/google"
      # Only arguments that 6.50 and 7.x share are used here.
      version = ">= 6.50, < 8.0"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region

  # Of the APIs that a person calls with credentials of her own, some (budgets, perimeters) refuse without a project to bill.
  billing_project       = var.project
  user_project_override = true
}
