"""How a painting is to look: every option, with its check; settings files, presets and keyframes."""
