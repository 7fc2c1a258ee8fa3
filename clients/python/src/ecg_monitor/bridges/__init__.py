"""Bridges: programs that only subscribe, or only push, and speak another system's language on their other side."""
