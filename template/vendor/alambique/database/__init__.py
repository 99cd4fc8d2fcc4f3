"""Databases: engines and transactions, what each server can do, making and dropping databases."""
