"""What the tests share: one module for each thing, none of it imported from a test module."""
