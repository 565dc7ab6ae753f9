variable "alert_email" {
  description = "Address that alerts go to; a list or a pager rather than a person."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[^@ ]+@[^@ ]+$", var.alert_email))
    error_message = "alert_email must be an e-mail address."
  }
}

variable "audit_days" {
  description = "Days that audit logs are kept. In prod the log bucket is locked: this cannot be shortened after the first apply."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.audit_days >= 30 && var.audit_days <= 3650
    error_message = "audit_days must be 30 to 3650: who read a NINO is often asked for weeks later, and ten years is the most that a log bucket keeps."
  }
}

variable "budget" {
  description = "Opt in: a monthly budget of this project, with alerts at 50, 90 and 100 %. Needs rights on the billing account."
  type = object({
    billing_account = string
    amount          = number
    currency        = optional(string, "GBP")
  })
  default = null

  validation {
    condition     = try(var.budget.amount > 0, var.budget == null)
    error_message = "The amount of the budget must be above 0."
  }
}

variable "catalog" {
  description = "Opt in: Dataplex (Knowledge Catalog): lake, zones, assets, data-quality scans, and an aspect on every table."
  type        = bool
  default     = false
  nullable    = false
}

variable "discovery" {
  description = "Opt in: Sensitive Data Protection looks in every table of the project for National Insurance numbers and tags the tables where it found some."
  type        = bool
  default     = false
  nullable    = false
}

variable "environment" {
  description = "Which environment this is. One environment is one project."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["dev", "ci", "prod"], var.environment)
    error_message = "environment must be dev, ci or prod."
  }
}

variable "github_repository_id" {
  description = "Opt in: id of the repository whose workflows may plan (pull requests) and deploy (main, environment prod), without keys: gh api repos/OWNER/NAME --jq .id"
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[1-9][0-9]*$", var.github_repository_id)) || var.github_repository_id == null
    error_message = "github_repository_id must be the number that GitHub gave the repository, not its name, which another may take."
  }
}

variable "glossary" {
  description = "Opt in: a business glossary with the terms that the reports use."
  type        = bool
  default     = false
  nullable    = false
}

variable "image" {
  description = "Container image of both jobs, with a tag that is never moved or a digest."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("(@sha256:[0-9a-f]{64}|:[A-Za-z0-9_.-]+)$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image must name a digest or a tag other than latest, so that a plan shows what changes."
  }
}

variable "kms" {
  description = "Opt in: encrypt bucket, datasets, topic and images with keys of our own. Decide before the first apply: what exists is not encrypted anew."
  type        = bool
  default     = false
  nullable    = false
}

variable "lineage" {
  description = "Opt in: the run tells Data Lineage of itself as OpenLineage events. The image must have the client (docs/WATCHING.md)."
  type        = bool
  default     = false
  nullable    = false
}

variable "location" {
  description = "Where all data is: the multi-region EU or one region of the EU. Bucket and datasets share it, since a load across locations is refused or charged."
  type        = string
  default     = "EU"
  nullable    = false

  validation {
    condition     = var.location == "EU" || contains(local.eu_regions, var.location)
    error_message = "location must be EU or a region in the EU. London (europe-west2) and Zurich (europe-west6) are not in the EU."
  }
}

variable "max_cost" {
  description = "US dollars that one BigQuery job may be estimated to cost; a dearer one is refused before it starts."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_cost > 0
    error_message = "max_cost must be above 0."
  }
}

variable "old_version_days" {
  description = "Days that the old versions of a file are kept that was replaced or withdrawn; 2192 are six years. Files that are there are kept."
  type        = number
  default     = 2192
  nullable    = false

  validation {
    condition     = var.old_version_days >= 30
    error_message = "old_version_days must be 30 or more: a wrong file is often noticed at the end of the month."
  }
}

variable "operators" {
  description = "Groups that run the jobs with other arguments: backfills, rehearsals. By that they could reach National Insurance numbers, so choose them like pii_readers."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.operators : startswith(member, "group:")])
    error_message = "operators must be groups (group:NAME@DOMAIN), so that joining and leaving is recorded."
  }
}

variable "perimeter" {
  description = "Opt in: a VPC Service Controls perimeter around this project. It begins as a dry run, which only logs what it would refuse. Members come in from anywhere; the accounts of the pipeline and of CI are always among them."
  type = object({
    access_policy = string
    members       = optional(set(string), [])
    subnetworks   = optional(set(string), [])
    dry_run       = optional(bool, true)
  })
  default = null

  validation {
    condition     = try(length(var.perimeter.members) + length(var.perimeter.subnetworks) > 0, var.perimeter == null)
    error_message = "The perimeter must let somebody in: name members or subnetworks, or nobody can apply this again."
  }
}

variable "pii_readers" {
  description = "Groups that read National Insurance numbers in clear, beside the accounts of the pipeline."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.pii_readers : startswith(member, "group:")])
    error_message = "pii_readers must be groups (group:NAME@DOMAIN), so that joining and leaving is recorded."
  }
}

variable "project" {
  description = "Project id of this environment. It must be in an organisation, or it cannot have policy tags."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project id: 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "published" {
  description = "Whether the first run has made the tables that fees-etl makes itself. From then on the catalog describes and scans these too."
  type        = bool
  default     = false
  nullable    = false
}

variable "readers" {
  description = "Who belongs to each group of people. people.tf says what a group reads."
  type = object({
    analysts        = optional(set(string), [])
    auditors        = optional(set(string), [])
    bi              = optional(set(string), [])
    engineers       = optional(set(string), [])
    senior_analysts = optional(set(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for member in flatten([for group in values(var.readers) : tolist(group)]) : can(regex("^(group|serviceAccount):[^@ ]+@[^@ ]+$", member))])
    error_message = "readers must be groups (group:NAME@DOMAIN) or accounts of tools (serviceAccount:NAME@...), never users or allUsers."
  }
}

variable "region" {
  description = "Where jobs, workflow and images are: a region in the EU."
  type        = string
  default     = "europe-west1"
  nullable    = false

  validation {
    condition     = contains(local.eu_regions, var.region)
    error_message = "region must be a region in the EU."
  }
}

variable "reservation" {
  description = "Opt in: BigQuery slots of our own instead of on-demand queries."
  type = object({
    slots     = optional(number, 0)
    max_slots = optional(number, 100)
  })
  default = null

  validation {
    condition     = try(var.reservation.slots % 50 == 0 && var.reservation.max_slots % 50 == 0 && var.reservation.max_slots > var.reservation.slots, var.reservation == null)
    error_message = "slots and max_slots must be multiples of 50, max_slots above slots."
  }
}

variable "schedule" {
  description = "When the workflow starts by itself, in London time. Denser than the alert on absent runs (23.5 hours) needs."
  type        = string
  default     = "0 6,18 * * *"
  nullable    = false

  validation {
    condition     = length(split(" ", var.schedule)) == 5
    error_message = "schedule must be a cron line of five fields."
  }
}

variable "sql" {
  description = "Folder of the contracts, seen from this module. A folder without tables that have policy tags is refused."
  type        = string
  default     = "../sql"
  nullable    = false
}

variable "uploaders" {
  description = "Groups that put files into the lake, correct, withdraw and erase them. They read every file, so choose them like pii_readers."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.uploaders : can(regex("^(group|serviceAccount):[^@ ]+@[^@ ]+$", member))])
    error_message = "uploaders must be groups (group:NAME@DOMAIN) or accounts of systems (serviceAccount:NAME@...), never users or allUsers."
  }
}
