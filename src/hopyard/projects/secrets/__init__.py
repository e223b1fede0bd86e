"""Secrets: encrypted named values of a user, private or shared with one project."""
