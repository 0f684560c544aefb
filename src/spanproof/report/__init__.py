"""Findings → text, JSON, HTML, SARIF, JUnit: how a verdict is told.

Decides wording and pictures. Refuses to know anything that could change a verdict.
"""
