# Opt in (var.glossary): the words of the reports, said once in sql/glossary.yml.
locals {
  _words = "${local._sql}/glossary.yml"
  terms  = var.glossary && fileexists(local._words) ? { for name, one in yamldecode(file(local._words)) : name => one.description } : {}
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
