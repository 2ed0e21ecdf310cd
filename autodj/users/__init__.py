"""Who people are: tokens, sessions and one-time logins."""
