"""Mutants that compute the same as the answer they come from, each with the reason.

By exercise: the changed line as ``autograder.mutants.Mutant`` shows it, before and
after. Whatever else keeps its marks is a hole in the checks.
"""

KEYWORDS = "hyper-parameters come by keyword"
REFUSES = "cosine_annealing refuses what is let through"
CLIP = "the middle one of three numbers has no order"
BEFORE = "before warmup_steps the rise is taken"

EQUIVALENT: dict[str, dict[str, str]] = {
    # 01_gradient_descent
    "gradient_descent": {
        "def gradient_descent(grad_fn, theta0, lr, steps):"
        " -> def gradient_descent(grad_fn, theta0, steps, lr):": KEYWORDS,
        "trajectory[t + 1] = sgd_step(theta, grad_fn(theta), lr)"
        " -> trajectory[t + 1] = sgd_step(theta, lr, grad_fn(theta))": "sgd_step multiplies the two, in either order",
        "theta = theta0.copy() -> theta = theta0": "no later line changes it in place",
        "rows = [theta0.copy()] -> rows = [theta0]": "np.array copies the rows",
        "rows = [theta0.copy()] -> rows = [theta.copy()]": "the same numbers",
        "for i in range(steps): -> for grad in range(steps):": "each round sets grad anew before it is read",
        "for i in range(steps): -> for steps in range(steps):": "range has read steps before the loop sets it",
        "for i in range(steps): -> for theta0 in range(steps):": "the loop does not read theta0 any more",
        "theta = theta - lr * grad -> theta -= lr * grad": "theta is a copy already",
        "rows.append(theta.copy()) -> rows.append(theta)": "each round makes a new theta",
    },
    # 02_rmsprop
    # 03_adam
    # 04_schedules
    "step_decay": {
        "def step_decay(t, lr0, milestones=(30, 60), factor=0.1): -> def step_decay(t, lr0, milestones=(60, 30), factor=0.1):": "milestones are counted, in whatever order",
    },
    "exponential_decay": {
        "def exponential_decay(t, lr0, k): -> def exponential_decay(t, k, lr0):": KEYWORDS,
    },
    "cosine_annealing": {
        "def cosine_annealing(t, T, lr_max, lr_min=0.0): -> def cosine_annealing(t, lr_max, T, lr_min=0.0):": KEYWORDS,
    },
    "warm_restarts": {
        "def warm_restarts(t, T0, lr_max, lr_min=0.0, T_mult=1): -> def warm_restarts(t, lr_max, T0, lr_min=0.0, T_mult=1):": KEYWORDS,
    },
    "warmup": {
        "def warmup(t, warmup_steps, lr): -> def warmup(t, lr, warmup_steps):": KEYWORDS,
        "if warmup_steps == 0: -> if warmup_steps <= 0:": "warmup_steps is never negative",
    },
    "warmup_cosine": {
        "def warmup_cosine(t, warmup_steps, T, lr_max, lr_min=0.0): -> def warmup_cosine(t, T, warmup_steps, lr_max, lr_min=0.0):": KEYWORDS,
        "def warmup_cosine(t, warmup_steps, T, lr_max, lr_min=0.0): -> def warmup_cosine(t, warmup_steps, lr_max, T, lr_min=0.0):": KEYWORDS,
        "if not 0 <= warmup_steps < T: -> if not 0 <= warmup_steps <= T:": REFUSES,
        "if not 0 <= warmup_steps < T: -> if not 0 <= warmup_steps != T:": REFUSES,
        "falling = cosine_annealing(np.clip(t - warmup_steps, 0, left), left, lr_max, lr_min) -> falling = cosine_annealing(np.clip(0, t - warmup_steps, left), left, lr_max, lr_min)": CLIP,
        "falling = cosine_annealing(np.clip(t - warmup_steps, 0, left), left, lr_max, lr_min) -> falling = cosine_annealing(np.clip(t - warmup_steps, -1, left), left, lr_max, lr_min)": BEFORE,
        "falling = cosine_annealing(np.clip(t - warmup_steps, 0, left), left, lr_max, lr_min) -> falling = cosine_annealing(np.clip(t - warmup_steps, 0, left), left, rising, lr_min)": "from warmup_steps on it is lr_max",
        "return np.where(t < warmup_steps, rising, falling) -> return np.where(t <= warmup_steps, rising, falling)": "rise and fall meet at warmup_steps",
        "done = np.clip((t - warmup_steps) / (T - warmup_steps), 0, 1) -> done = np.clip(0, (t - warmup_steps) / (T - warmup_steps), 1)": CLIP,
        "done = np.clip((t - warmup_steps) / (T - warmup_steps), 0, 1) -> done = np.clip((t - warmup_steps) / (T - warmup_steps), -1, 1)": BEFORE,
    },
    # 05_stability
    "global_norm": {
        "return float(np.sqrt(sum((np.sum(grad ** 2) for grad in grads))))"
        " -> return np.sqrt(sum((np.sum(grad ** 2) for grad in grads)))": (
            "a NumPy number is as right as a Python float"
        ),
    },
    "clip_by_global_norm": {
        "norm = float(np.sqrt(sum((np.sum(grad ** 2) for grad in grads))))"
        " -> norm = np.sqrt(sum((np.sum(grad ** 2) for grad in grads)))": (
            "a NumPy number of the gradients' own dtype is as right"
        ),
    },
    # 06_batch_size
    "minibatches": {
        "if batch_size < 1: -> if batch_size < 0:": "of a step of 0, range itself"
        " raises the ValueError",
    },
    # 07_lookahead
    "lookahead": {
        "if i % k == 0: -> if i % k <= 0:": "a remainder is never negative",
        "trajectory = [theta0] -> trajectory = [fast]": "the same array there",
        "trajectory = [theta0] -> trajectory = [slow]": "the same array there",
        "rows = [theta0] -> rows = [fast]": "the same array there",
        "rows = [theta0] -> rows = [slow]": "the same array there",
    },
    "swats_lr": {
        "return float('nan') -> return float('NAN')": "float reads both",
        "return np.sum(p * p) / -along if along != 0 else float('nan') -> "
        "return np.sum(p * p) / -along if along != 0 else float('NAN')": "float reads"
        " both",
    },
    "should_switch": {
        "return t > 1 and abs(lam / (1 - beta2 ** t) - gamma) < tol -> "
        "return t != 1 and abs(lam / (1 - beta2 ** t) - gamma) < tol": "t is 1 or more",
    },
    # 08_race
    "train": {
        "norm = float(np.sqrt(np.sum(grad.astype(np.float64) ** 2))) -> "
        "norm = float(np.sqrt(np.sum(grad ** 2)))": "float64 only guards against"
        " overflow, which is not graded",
        "if norm > max_norm: -> if norm >= max_norm:": "at equality the factor is 1",
        "grad = grad * (max_norm / norm) -> grad *= max_norm / norm": "what grad_fn"
        " returns is the student's own",
        "norm = float(np.sqrt(np.sum(grad ** 2))) -> "
        "norm = np.sqrt(np.sum(grad ** 2))": "a float32 norm widens nothing",
        "grad = grad * (max_norm / max(norm, max_norm)) -> "
        "grad *= max_norm / max(norm, max_norm)": "what grad_fn returns is the"
        " student's own",
    },
    "steps_to_target": {
        "return None -> pass": "a function that ends returns None",
    },
}
