"""What recorded requests would have cost otherwise: the arithmetic. Who would have been asked is `combos.what_if`."""
