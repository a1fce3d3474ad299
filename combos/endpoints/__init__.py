"""What clients speak to, in every dialect: the path names the dialect, and everything behind is the same."""
