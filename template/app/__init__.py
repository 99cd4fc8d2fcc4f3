"""The service. Migrations import every module named `models` below this folder."""
