"""What image is wanted: every option, with its check; settings files, presets and keyframes."""
