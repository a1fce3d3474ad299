"""What models cost: the table, its history, where its list prices come from, and from tokens to money."""
