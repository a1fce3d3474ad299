"""API keys and teams: how they are made, what they may do, who may say so."""
