"""What recorded requests would have cost along another route. The arithmetic is `billing.what_if`."""
