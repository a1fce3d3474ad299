"""What a request is charged and remembered by: reserved before it, told and settled after it."""
