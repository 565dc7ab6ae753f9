# Opt in (var.reservation): slots of our own. Column-level security is not in every edition; it is in ENTERPRISE.
resource "google_bigquery_reservation" "slots" {
  count = var.reservation == null ? 0 : 1

  name          = "fees-etl"
  location      = var.location
  edition       = "ENTERPRISE"
  slot_capacity = var.reservation.slots

  autoscale {
    max_slots = var.reservation.max_slots - var.reservation.slots
  }

  depends_on = [google_project_service.api]
}

resource "google_bigquery_reservation_assignment" "project" {
  count = var.reservation == null ? 0 : 1

  assignee    = "projects/${var.project}"
  job_type    = "QUERY"
  reservation = google_bigquery_reservation.slots[0].id
}
