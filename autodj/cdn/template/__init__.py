"""What has to stand in AWS for tracks to be played from CloudFront, as documents.

``Choices`` say what is wanted; ``cloudformation`` and ``terraform`` write the same thing in two
languages. Nothing here speaks to AWS, and nothing that runs needs the rights to create it.
"""
