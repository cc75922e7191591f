"""Networks from files that ``torch.export.save`` wrote, without their code and without unpickling anything."""
