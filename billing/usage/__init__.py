"""What was used: rows from a request into the journal, from there into the database, and out of it again with age."""
