"""What the report needs of the files that other stages write; keys that it does not show are left alone.

Losses are in nats per token, sizes in tokens or bytes as their names say.
"""
