"""Wiring: settings, urls, asgi, the admin's shell and the commands that start the product. No behaviour of its own."""

__version__ = "0.1.0"
