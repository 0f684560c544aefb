"""Verdicts, findings and their codes. Refuses to know Arrow and the judges."""

from spanproof.findings.codes import CODES, Code
from spanproof.findings.verdicts import Finding, Judgement, Severity, Verdict

__all__ = ["CODES", "Code", "Finding", "Judgement", "Severity", "Verdict"]
