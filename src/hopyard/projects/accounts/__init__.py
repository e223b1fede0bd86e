"""Invitations: how people come to have an account."""
