"""What may be spent: windows, reservations before a call, standings, notices."""
