"""Protecting what rows say of people: masks, by the classification of columns."""
