"""A run: planned as data, executed as one transaction, kept in the ledger."""
