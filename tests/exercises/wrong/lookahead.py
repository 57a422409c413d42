"""Wrong answers to the exercises of chapter 7, each as students write it.

The part of a function's name before the double underscore is the exercise, the part
after it the misconception; each docstring begins with the same name and says what is
wrong. The sections say which group of marks each loses.
"""

import numpy as np

# lookahead_sync: wrong numbers or state


def lookahead_sync__weights_swapped(slow, fast, alpha=0.5):
    """weights-swapped: alpha weighs the slow weights."""
    return alpha * slow + (1 - alpha) * fast


def lookahead_sync__wrong_direction(slow, fast, alpha=0.5):
    """wrong-direction: the difference has the wrong sign."""
    return slow + alpha * (slow - fast)


def lookahead_sync__difference_missing(slow, fast, alpha=0.5):
    """difference-missing: adds a part of the fast weights."""
    return slow + alpha * fast


def lookahead_sync__start_missing(slow, fast, alpha=0.5):
    """start-missing: the step alone."""
    return alpha * (fast - slow)


def lookahead_sync__alpha_ignored(slow, fast, alpha=0.5):
    """alpha-ignored: the middle, whatever alpha says."""
    return (slow + fast) / 2


def lookahead_sync__not_synced(slow, fast, alpha=0.5):
    """not-synced: the fast weights as they are."""
    return fast


def lookahead_sync__average_decayed(slow, fast, alpha=0.5):
    """average-decayed: the shares do not add up to one."""
    return slow * (1 - alpha) + fast


def lookahead_sync__nothing_returned(slow, fast, alpha=0.5):
    """nothing-returned: the result stays inside."""
    slow = slow + alpha * (fast - slow)


def lookahead_sync__bracket_missing(slow, fast, alpha=0.5):
    """bracket-missing: alpha multiplies the fast weights alone."""
    return slow + alpha * fast - slow


def lookahead_sync__share_bracket_missing(slow, fast, alpha=0.5):
    """bracket-missing: the other share lost its bracket."""
    return 1 - alpha * slow + alpha * fast


# lookahead_sync: right numbers, wrong dtype


def lookahead_sync__widened(slow, fast, alpha=0.5):
    """widened: NumPy's float64 draws float32 up."""
    return slow + np.float64(alpha) * (fast - slow)


# lookahead_sync: changes an argument


def lookahead_sync__weights_changed_in_place(slow, fast, alpha=0.5):
    """weights-changed-in-place: written into the caller's slow weights."""
    slow += alpha * (fast - slow)
    return slow


# lookahead: wrong numbers or state


def lookahead__gradient_clipped(
    inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5
):
    """gradient-clipped: before the inner step sees it."""
    if k < 1:
        raise ValueError
    rows, slow = [theta0], theta0
    for i in range(1, steps + 1):
        grad = np.clip(grad_fn(rows[-1]), -5, 5)
        theta, state = inner_step(rows[-1], grad, state)
        if i % k == 0:
            theta = slow = slow + alpha * (theta - slow)
        rows.append(theta)
    return np.stack(rows), state


def lookahead__never_synced(inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5):
    """never-synced: the fast weights are never set back."""
    if k < 1:
        raise ValueError
    slow, fast, rows = theta0, theta0, [theta0]
    for i in range(1, steps + 1):
        fast, state = inner_step(fast, grad_fn(fast), state)
        if i % k == 0:
            slow = slow + alpha * (fast - slow)
        rows.append(fast)
    return np.stack(rows), state


def lookahead__recorded_before_sync(
    inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5
):
    """recorded-before-sync: the row is written too early."""
    if k < 1:
        raise ValueError
    slow, fast = theta0, theta0
    rows = [theta0]
    for i in range(1, steps + 1):
        fast, state = inner_step(fast, grad_fn(fast), state)
        rows.append(fast)
        if i % k == 0:
            slow = fast = slow + alpha * (fast - slow)
    return np.stack(rows), state


def lookahead__state_reset(inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5):
    """state-reset: the momentum is forgotten at each sync."""
    if k < 1:
        raise ValueError
    first, slow, rows = state, theta0, [theta0]
    for i in range(1, steps + 1):
        fast, state = inner_step(rows[-1], grad_fn(rows[-1]), state)
        if i % k == 0:
            slow = fast = slow + alpha * (fast - slow)
            state = first
        rows.append(fast)
    return np.stack(rows), state


def lookahead__state_not_carried(
    inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5
):
    """state-not-carried: each step gets the state of the start."""
    if k < 1:
        raise ValueError
    slow, fast, rows = theta0, theta0, [theta0]
    for i in range(1, steps + 1):
        fast, _ = inner_step(fast, grad_fn(fast), state)
        if i % k == 0:
            slow = fast = slow + alpha * (fast - slow)
        rows.append(fast)
    return np.stack(rows), state


def lookahead__off_by_one(inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5):
    """off-by-one: counts from zero, so it syncs after the first step."""
    if k < 1:
        raise ValueError
    slow, fast, rows = theta0, theta0, [theta0]
    for i in range(steps):
        fast, state = inner_step(fast, grad_fn(fast), state)
        if i % k == 0:
            slow = fast = slow + alpha * (fast - slow)
        rows.append(fast)
    return np.stack(rows), state


def lookahead__partial_cycle_synced(
    inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5
):
    """partial-cycle-synced: a sync at the very end, whatever has been done."""
    if k < 1:
        raise ValueError
    slow, fast, rows = theta0, theta0, [theta0]
    for i in range(1, steps + 1):
        fast, state = inner_step(fast, grad_fn(fast), state)
        if i % k == 0 or i == steps:
            slow = fast = slow + alpha * (fast - slow)
        rows.append(fast)
    return np.stack(rows), state


def lookahead__start_not_recorded(
    inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5
):
    """start-not-recorded: the trajectory begins after the first step."""
    if k < 1:
        raise ValueError
    slow, fast, rows = theta0, theta0, []
    for i in range(1, steps + 1):
        fast, state = inner_step(fast, grad_fn(fast), state)
        if i % k == 0:
            slow = fast = slow + alpha * (fast - slow)
        rows.append(fast)
    return np.array(rows), state


def lookahead__gradient_at_slow(
    inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5
):
    """gradient-at-slow: the gradient of a cycle is taken once."""
    if k < 1:
        raise ValueError
    slow, fast, rows = theta0, theta0, [theta0]
    for i in range(1, steps + 1):
        fast, state = inner_step(fast, grad_fn(slow), state)
        if i % k == 0:
            slow = fast = slow + alpha * (fast - slow)
        rows.append(fast)
    return np.stack(rows), state


def lookahead__cycles_instead_of_steps(
    inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5
):
    """cycles-instead-of-steps: takes steps as the number of cycles."""
    if k < 1:
        raise ValueError
    slow, rows = theta0, [theta0]
    for _ in range(steps):
        fast = slow
        for i in range(k):
            fast, state = inner_step(fast, grad_fn(fast), state)
            if i == k - 1:
                fast = slow + alpha * (fast - slow)
            rows.append(fast)
        slow = fast
    return np.stack(rows), state


def lookahead__last_weights_returned(
    inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5
):
    """last-weights-returned: only where the run ends."""
    if k < 1:
        raise ValueError
    slow = fast = theta0
    for i in range(1, steps + 1):
        fast, state = inner_step(fast, grad_fn(fast), state)
        if i % k == 0:
            slow = fast = slow + alpha * (fast - slow)
    return fast, state


def lookahead__state_reset_to_zeros(
    inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5
):
    """state-reset: the state is zero again after each sync."""
    if k < 1:
        raise ValueError("k must be at least 1")
    slow, fast, trajectory = theta0, theta0, [theta0]
    for i in range(1, steps + 1):
        fast, state = inner_step(fast, grad_fn(fast), state)
        if i % k == 0:
            slow = slow + alpha * (fast - slow)
            fast = slow
            state = tuple(np.zeros_like(s) for s in state)
        trajectory.append(fast)
    return np.array(trajectory), state


def lookahead__partial_cycle_dropped(
    inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5
):
    """partial-cycle-dropped: whole cycles alone are walked."""
    if k < 1:
        raise ValueError("k must be at least 1")
    slow, trajectory = theta0, [theta0]
    for _ in range(steps // k):
        fast = slow
        for _ in range(k):
            fast, state = inner_step(fast, grad_fn(fast), state)
            trajectory.append(fast)
        slow = slow + alpha * (fast - slow)
        trajectory[-1] = slow
    return np.array(trajectory), state


def lookahead__row_for_each_cycle(
    inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5
):
    """row-for-each-cycle: k fast steps for each row."""
    if k < 1:
        raise ValueError("k must be at least 1")
    slow, trajectory = theta0, [theta0]
    for _ in range(steps):
        fast = slow
        for _ in range(k):
            fast, state = inner_step(fast, grad_fn(fast), state)
        slow = slow + alpha * (fast - slow)
        trajectory.append(slow)
    return np.array(trajectory), state


# lookahead: right numbers, wrong dtype


def lookahead__widened(inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5):
    """widened: rows of np.zeros are float64."""
    if k < 1:
        raise ValueError
    rows = np.zeros((steps + 1, *theta0.shape))
    rows[0] = slow = fast = theta0
    for i in range(1, steps + 1):
        fast, state = inner_step(fast, grad_fn(fast), state)
        if i % k == 0:
            slow = fast = slow + alpha * (fast - slow)
        rows[i] = fast
    return rows, state


# lookahead: right numbers, wrong about errors


def lookahead__zero_only(inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5):
    """zero-only: a negative k goes through."""
    if k == 0:
        raise ValueError("k must not be 0")
    slow, fast, rows = theta0, theta0, [theta0]
    for i in range(1, steps + 1):
        fast, state = inner_step(fast, grad_fn(fast), state)
        if i % k == 0:
            slow = fast = slow + alpha * (fast - slow)
        rows.append(fast)
    return np.stack(rows), state


# lookahead: changes an argument


def lookahead__start_changed_in_place(
    inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5
):
    """start-changed-in-place: the slow weights are the caller's theta0."""
    if k < 1:
        raise ValueError
    slow, fast, rows = theta0, theta0, [theta0.copy()]
    for i in range(1, steps + 1):
        fast, state = inner_step(fast, grad_fn(fast), state)
        if i % k == 0:
            slow += alpha * (fast - slow)
            fast = slow.copy()
        rows.append(fast)
    return np.stack(rows), state


# swats_lr: wrong numbers or state


def swats_lr__gradient_clipped(p, grad):
    """gradient-clipped: before it meets the step."""
    along = np.sum(p * np.clip(grad, -10, 10))
    return float(np.sum(p * p) / -along) if along else float("nan")


def swats_lr__sign_missing(p, grad):
    """sign-missing: the denominator without its minus."""
    along = np.sum(p * grad)
    return np.sum(p * p) / along if along else np.nan


def swats_lr__elementwise(p, grad):
    """elementwise: a rate for every parameter."""
    return p * p / -(p * grad)


def swats_lr__sum_of_ratios(p, grad):
    """sum-of-ratios: divides before it adds up."""
    return np.sum(p**2 / -(p * grad))


def swats_lr__inverted(p, grad):
    """inverted: numerator and denominator changed places."""
    return -np.sum(p * grad) / np.sum(p**2)


def swats_lr__gradient_length(p, grad):
    """gradient-length: divides by the gradient's squared length."""
    return np.sum(p * p) / np.sum(grad * grad)


def swats_lr__projected_on_gradient(p, grad):
    """projected-on-gradient: the step is projected, not the gradient."""
    return -np.vdot(p, grad) / np.vdot(grad, grad)


def swats_lr__norm_not_squared(p, grad):
    """norm-not-squared: the length of the step over the product."""
    along = np.vdot(p, grad)
    return np.linalg.norm(p.ravel()) / -along if along else np.nan


def swats_lr__absolute(p, grad):
    """absolute: a rate without its sign."""
    along = np.vdot(p, grad)
    return np.vdot(p, p) / abs(along) if along else np.nan


# swats_lr: fails at the edges


def swats_lr__vector_only(p, grad):
    """vector-only: the dot product of matrices is no number."""
    if p.ndim == 0:
        raise IndexError("0-d array")
    along = np.sum(p * grad)
    return np.sum(p * p) / -along if along else np.nan


def swats_lr__guard_too_wide(p, grad):
    """guard-too-wide: takes a small product for none."""
    along = np.sum(p * grad)
    if np.isclose(along, 0):
        return float("nan")
    return float(np.sum(p * p) / -along)


# should_switch: wrong numbers or state


def should_switch__not_corrected(gamma, lam, beta2, t, tol=1e-9):
    """not-corrected: the average is compared as it is."""
    return t > 1 and abs(lam - gamma) < tol


def should_switch__exponent_missing(gamma, lam, beta2, t, tol=1e-9):
    """exponent-missing: the same correction at each step."""
    return t > 1 and abs(lam / (1 - beta2) - gamma) < tol


def should_switch__first_step_allowed(gamma, lam, beta2, t, tol=1e-9):
    """first-step-allowed: t is not looked at."""
    return abs(lam / (1 - beta2**t) - gamma) < tol


def should_switch__reversed(gamma, lam, beta2, t, tol=1e-9):
    """reversed: switches where the two still differ."""
    return t > 1 and abs(lam / (1 - beta2**t) - gamma) > tol


def should_switch__sign_kept(gamma, lam, beta2, t, tol=1e-9):
    """sign-kept: a difference below zero always passes."""
    return t > 1 and lam / (1 - beta2**t) - gamma < tol


def should_switch__gamma_corrected(gamma, lam, beta2, t, tol=1e-9):
    """gamma-corrected: the rate is divided instead of the average."""
    return t > 1 and abs(lam - gamma / (1 - beta2**t)) < tol


def should_switch__tol_ignored(gamma, lam, beta2, t, tol=1e-9):
    """tol-ignored: a fixed tolerance."""
    return t > 1 and abs(lam / (1 - beta2**t) - gamma) < 1e-9


def should_switch__relative(gamma, lam, beta2, t, tol=1e-9):
    """relative: compares with a share of the rate."""
    return t > 1 and abs(lam / (1 - beta2**t) - gamma) < tol * abs(gamma)


def should_switch__or(gamma, lam, beta2, t, tol=1e-9):
    """or: one of the conditions is enough."""
    return t > 1 or abs(lam / (1 - beta2**t) - gamma) < tol


def should_switch__bracket_missing(gamma, lam, beta2, t, tol=1e-9):
    """bracket-missing: divides by 1, then takes the power off."""
    corrected = lam / 1 - beta2**t
    return bool(t > 1 and abs(corrected - gamma) < tol)


def should_switch__averaged_again(gamma, lam, beta2, t, tol=1e-9):
    """shifted-step: lam is updated here too."""
    lam = beta2 * lam + (1 - beta2) * gamma
    return bool(t > 1 and abs(lam / (1 - beta2**t) - gamma) < tol)


def should_switch__isclose(gamma, lam, beta2, t, tol=1e-9):
    """isclose: NumPy's own relative tolerance comes on top."""
    return bool(t > 1 and np.isclose(lam / (1 - beta2**t), gamma, atol=tol))


def should_switch__nothing_for_no(gamma, lam, beta2, t, tol=1e-9):
    """nothing-for-no: no return where the answer is no."""
    if t > 1 and abs(lam / (1 - beta2**t) - gamma) < tol:
        return True


def should_switch__number_for_truth(gamma, lam, beta2, t, tol=1e-9):
    """number-for-truth: 1 and 0."""
    return int(t > 1 and abs(lam / (1 - beta2**t) - gamma) < tol)


# should_switch: fails at the edges


def should_switch__tie_allowed(gamma, lam, beta2, t, tol=1e-9):
    """tie-allowed: a difference of exactly tol passes."""
    return t > 1 and abs(lam / (1 - beta2**t) - gamma) <= tol
