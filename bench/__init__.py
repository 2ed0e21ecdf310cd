"""Commands that measure autodj or try to break it. They are no part of the product."""
