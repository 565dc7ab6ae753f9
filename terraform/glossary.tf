# Opt in (var.glossary): the words of the reports, said once.
locals {
  terms = var.glossary ? {
    cohort                  = "The clients whose first fee was charged in the same calendar month."
    first-touch-attribution = "A client's whole value counts for the adviser of the earliest fee above zero; on a tie for the larger amount, then the adviser who sorts first."
    ltv                     = "Lifetime value: what a client has paid in fees, less refunds, in the 1, 3 or 6 calendar months from the first fee, or in all. It is complete once the data reaches the end of that window."
  } : {}
}

resource "google_dataplex_glossary" "fees" {
  count = var.glossary ? 1 : 0

  glossary_id  = "fees-etl"
  location     = var.region
  display_name = "Fees"
  description  = "Terms of the fee reports."
  labels       = local.labels

  depends_on = [google_project_service.api]
}

resource "google_dataplex_glossary_term" "term" {
  for_each = local.terms

  term_id      = each.key
  glossary_id  = google_dataplex_glossary.fees[0].glossary_id
  parent       = google_dataplex_glossary.fees[0].id
  location     = var.region
  display_name = each.key
  description  = each.value
}
