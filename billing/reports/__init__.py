"""What was used, told: added up, request by request, as pages, charts, JSON and CSV."""
