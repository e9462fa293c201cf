"""The graph in engines beside the embedded database: Ladybug and Neo4j, which speak Cypher, and networkx."""
