"""Whether a distribution does what playback needs: asked, then judged."""
