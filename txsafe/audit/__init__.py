"""What a migration to a pooler comes to: reports in, one document out that can be read, mailed and decided from.

`section` has the parts that anything to tell is made of; `document` the `Audit` itself.
"""
