"""What outlives a request: where a conversation was, and what its client has no place to carry."""
