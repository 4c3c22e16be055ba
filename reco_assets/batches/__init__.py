"""What streamed in, batch by batch: receipts, what training takes, sides, and the ledger they are kept in."""
