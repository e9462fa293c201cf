"""Restructuring of selections and conditions."""
