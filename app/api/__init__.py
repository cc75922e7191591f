"""What clients see: routes, schemas, uploads, answers, problem documents."""
