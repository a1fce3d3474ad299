"""The forms on money. They show errors at fields; the deeds decide."""
