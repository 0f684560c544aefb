"""A table written out: as OTLP protobuf (`otlp_protobuf`) and as OTLP/JSON (`otlp_json`).

Decides how rows become messages again, in canonical form and without loss. Refuses to know
order, checks, and files: it gives bytes, or writes them to something that is open.
"""
