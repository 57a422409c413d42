"""Right results for 06_batch_size, written into arrays that the caller still needs."""


def gradient_noise_scale(per_example_grads):
    n = len(per_example_grads)
    if n < 2:
        raise ValueError("one gradient shows no noise")
    mean = per_example_grads.mean(axis=0)
    per_example_grads -= mean
    return (per_example_grads**2).sum() / (n - 1) / (mean**2).sum()
