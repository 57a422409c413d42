"""Wrong answers to the exercises of chapter 1, each as students write it.

The part of a function's name before the double underscore is the exercise, the part
after it the misconception; each docstring begins with the same name and says what is
wrong. The sections say which group of marks each loses.
"""

import numpy as np

# sgd_step: wrong numbers, shape or state


def sgd_step__gradient_clipped(theta, grad, lr):
    """gradient-clipped: a habit from training recurrent networks."""
    grad = np.clip(grad, -5, 5)
    return theta - lr * grad


def sgd_step__gradient_clipped_2(theta, grad, lr):
    """gradient-clipped: with NumPy's other two functions."""
    return theta - lr * np.maximum(np.minimum(grad, 10.0), -10.0)


def sgd_step__ascent(theta, grad, lr):
    """ascent: the step goes along the gradient, uphill."""
    return theta + lr * grad


def sgd_step__rate_missing(theta, grad, lr):
    """rate-missing: the argument is not used."""
    return theta - grad


def sgd_step__gradient_missing(theta, grad, lr):
    """gradient-missing: only the rate is subtracted."""
    return theta - lr * np.ones_like(grad)


def sgd_step__update_returned(theta, grad, lr):
    """update-returned: the step itself instead of the parameters after it."""
    return lr * grad


def sgd_step__rate_divides(theta, grad, lr):
    """rate-divides: the gradient is divided by the rate."""
    return theta - grad / lr


def sgd_step__bracket(theta, grad, lr):
    """bracket: the rate is taken from the parameters first."""
    return (theta - lr) * grad


def sgd_step__scaled_parameters(theta, grad, lr):
    """scaled-parameters: the step is proportional to the parameter."""
    theta = theta.copy()
    theta *= 1 - lr * grad
    return theta


def sgd_step__sign_only(theta, grad, lr):
    """sign-only: the gradient's size is dropped."""
    return theta - lr * np.where(grad > 0, 1, np.where(grad < 0, -1, 0))


def sgd_step__normalised(theta, grad, lr):
    """normalised: every step has the length of the rate."""
    return theta - lr * grad / np.sqrt(np.sum(grad**2))


def sgd_step__squared(theta, grad, lr):
    """squared: the gradient is squared."""
    return theta - lr * np.square(grad)


def sgd_step__averaged(theta, grad, lr):
    """averaged: the mean gradient moves every parameter."""
    return theta - lr * grad.mean()


def sgd_step__nothing_returned(theta, grad, lr):
    """nothing-returned: the new array is bound to a local name and lost."""
    theta = theta - lr * grad


def sgd_step__printed(theta, grad, lr):
    """printed: the result is shown and not returned."""
    print(theta - lr * grad)


def sgd_step__rounded(theta, grad, lr):
    """rounded: the result is cut to a few decimals."""
    return np.round(theta - lr * grad, 4)


def sgd_step__flattened(theta, grad, lr):
    """flattened: the result is a vector, whatever the shape of theta."""
    return theta.reshape(-1) - lr * grad.reshape(-1)


# sgd_step: raises


def sgd_step__undefined_name(theta, grad, lr):
    """undefined-name: a name from another text, which nobody defined here."""
    return theta - learning_rate * grad  # noqa: F821


def sgd_step__renamed_parameter(theta, grad, learning_rate):
    """renamed-parameter: `lr` has another name, so nobody can pass it."""
    return theta - learning_rate * grad


# sgd_step: right numbers, wrong dtype


def sgd_step__widened(theta, grad, lr):
    """widened: the arguments are made float64, and so is the result."""
    return np.asarray(theta, dtype=float) - lr * grad


def sgd_step__numpy_scalar_widens(theta, grad, lr):
    """numpy-scalar-widens: a NumPy float64 number makes a float32 array float64."""
    return theta - np.float64(lr) * grad


# sgd_step: fails at the edges


def sgd_step__vector_only(theta, grad, lr):
    """vector-only: a loop over the first axis, which a 0-d array lacks."""
    new = np.array(theta)
    for i in range(len(theta)):
        new[i] = theta[i] - lr * grad[i]
    return new


def sgd_step__empty_fails(theta, grad, lr):
    """empty-fails: an empty array has no largest element."""
    if np.abs(grad).max() > 1e6:
        raise ValueError("the gradient explodes")
    return theta - lr * grad


# sgd_step: changes an argument


def sgd_step__weights_changed_in_place(theta, grad, lr):
    """weights-changed-in-place: `-=` writes into the caller's array."""
    theta -= lr * grad
    return theta


def sgd_step__gradient_changed_in_place(theta, grad, lr):
    """gradient-changed-in-place: `*=` scales the caller's gradient."""
    grad *= lr
    return theta - grad


# momentum_step: wrong numbers, shape or state


def momentum_step__gradient_clipped(theta, grad, buf, lr, mu=0.9):
    """gradient-clipped: a habit from training recurrent networks."""
    buf = mu * buf + np.clip(grad, -5, 5)
    return theta - lr * buf, buf


def momentum_step__averaged_gradient(theta, grad, buf, lr, mu=0.9):
    """averaged-gradient: a moving average, as the Coursera exercise has it."""
    buf = mu * buf + (1 - mu) * grad
    return theta - lr * buf, buf


def momentum_step__rate_in_buffer(theta, grad, buf, lr, mu=0.9):
    """rate-in-buffer: the velocity of CS231n, with the rate in it and a minus."""
    v = mu * buf - lr * grad
    return theta + v, v


def momentum_step__rate_twice(theta, grad, buf, lr, mu=0.9):
    """rate-twice: the rate is in the buffer and in the step."""
    buf = mu * buf + lr * grad
    return theta - lr * buf, buf


def momentum_step__negative_buffer(theta, grad, buf, lr, mu=0.9):
    """negative-buffer: the buffer holds the negative gradients."""
    buf = mu * buf - grad
    return theta + lr * buf, buf


def momentum_step__gradient_subtracted(theta, grad, buf, lr, mu=0.9):
    """gradient-subtracted: two minuses that make a plus."""
    buf = mu * buf - grad
    return theta - lr * buf, buf


def momentum_step__old_buffer(theta, grad, buf, lr, mu=0.9):
    """old-buffer: the step uses the buffer from before this gradient."""
    theta = theta - lr * buf
    return theta, mu * buf + grad


def momentum_step__old_buffer_returned(theta, grad, buf, lr, mu=0.9):
    """old-buffer-returned: the buffer that came in goes out again."""
    velocity = mu * buf + grad
    return theta - lr * velocity, buf


def momentum_step__gradient_instead_of_buffer(theta, grad, buf, lr, mu=0.9):
    """gradient-instead-of-buffer: plain descent beside a buffer that nobody reads."""
    buf = mu * buf + grad
    return theta - lr * grad, buf


def momentum_step__nesterov(theta, grad, buf, lr, mu=0.9):
    """nesterov: the look-ahead of PyTorch's `nesterov=True`."""
    buf = mu * buf + grad
    return theta - lr * (grad + mu * buf), buf


def momentum_step__weights_swapped(theta, grad, buf, lr, mu=0.9):
    """weights-swapped: mu weighs the new gradient, its complement the old buffer."""
    buf = (1 - mu) * buf + mu * grad
    return theta - lr * buf, buf


def momentum_step__decay_on_gradient(theta, grad, buf, lr, mu=0.9):
    """decay-on-gradient: the new gradient is damped, the old buffer kept."""
    buf = buf + mu * grad
    return theta - lr * buf, buf


def momentum_step__decay_on_both(theta, grad, buf, lr, mu=0.9):
    """decay-on-both: a bracket damps the new gradient, too."""
    buf = mu * (buf + grad)
    return theta - lr * buf, buf


def momentum_step__decay_missing(theta, grad, buf, lr, mu=0.9):
    """decay-missing: the buffer never forgets."""
    buf = buf + grad
    return theta - lr * buf, buf


def momentum_step__buffer_ignored(theta, grad, buf, lr, mu=0.9):
    """buffer-ignored: the buffer starts from zero at each call."""
    buf = np.zeros_like(theta)
    buf = mu * buf + grad
    return theta - lr * buf, buf


def momentum_step__ascent(theta, grad, buf, lr, mu=0.9):
    """ascent: the step goes along the gradients, uphill."""
    buf = mu * buf + grad
    return theta + lr * buf, buf


def momentum_step__rate_missing(theta, grad, buf, lr, mu=0.9):
    """rate-missing: the argument is not used."""
    buf = mu * buf + grad
    return theta - buf, buf


def momentum_step__mu_ignored(theta, grad, buf, lr, mu=0.9):
    """mu-ignored: the default's value in place of the argument."""
    buf = 0.9 * buf + grad
    return theta - lr * buf, buf


def momentum_step__update_returned(theta, grad, buf, lr, mu=0.9):
    """update-returned: the step itself instead of the parameters after it."""
    buf = mu * buf + grad
    return -lr * buf, buf


def momentum_step__parameters_decay(theta, grad, buf, lr, mu=0.9):
    """parameters-decay: mu shrinks the parameters, too."""
    buf = mu * buf + grad
    return mu * theta - lr * buf, buf


def momentum_step__state_not_returned(theta, grad, buf, lr, mu=0.9):
    """state-not-returned: only the parameters come back."""
    buf = mu * buf + grad
    return theta - lr * buf


def momentum_step__order_swapped(theta, grad, buf, lr, mu=0.9):
    """order-swapped: the buffer first, the parameters second."""
    buf = mu * buf + grad
    return buf, theta - lr * buf


def momentum_step__nothing_returned(theta, grad, buf, lr, mu=0.9):
    """nothing-returned: new arrays are bound to local names and lost."""
    buf = mu * buf + grad
    theta = theta - lr * buf


def momentum_step__bracket_missing(theta, grad, buf, lr, mu=0.9):
    """bracket-missing: an average, and its second weight lost its bracket."""
    buf = mu * buf + 1 - mu * grad
    return theta - lr * buf, buf


# momentum_step: raises


def momentum_step__unassigned_state(theta, grad, buf, lr, mu=0.9):
    """unassigned-state: a local name is read before it has a value."""
    velocity = mu * velocity + grad  # noqa: F821
    return theta - lr * velocity, velocity


def momentum_step__renamed_parameter(theta, grad, buf, lr, momentum=0.9):
    """renamed-parameter: `mu` has another name, so nobody can pass it."""
    buf = momentum * buf + grad
    return theta - lr * buf, buf


def momentum_step__truth_of_array(theta, grad, buf, lr, mu=0.9):
    """truth-of-array: `if` asks a whole array whether it is zero."""
    buf = grad if buf == 0 else mu * buf + grad
    return theta - lr * buf, buf


# momentum_step: right numbers, wrong dtype


def momentum_step__widened(theta, grad, buf, lr, mu=0.9):
    """widened: the buffer is made float64, and so are the results."""
    buf = mu * np.array(buf, dtype=np.float64) + grad
    return theta - lr * buf, buf


# momentum_step: fails at the edges


def momentum_step__vector_only(theta, grad, buf, lr, mu=0.9):
    """vector-only: rows are walked through, and a 0-d array has none."""
    rows = [mu * b + g for b, g in zip(buf, grad, strict=True)]
    buf = np.array(rows, dtype=buf.dtype).reshape(buf.shape)
    return theta - lr * buf, buf


# momentum_step: changes an argument


def momentum_step__weights_changed_in_place(theta, grad, buf, lr, mu=0.9):
    """weights-changed-in-place: `-=` writes into the caller's array."""
    buf = mu * buf + grad
    theta -= lr * buf
    return theta, buf


def momentum_step__state_changed_in_place(theta, grad, buf, lr, mu=0.9):
    """state-changed-in-place: `*=` and `+=` write into the caller's buffer."""
    buf *= mu
    buf += grad
    return theta - lr * buf, buf


# gradient_descent: wrong numbers, shape or state


def gradient_descent__gradient_clipped(grad_fn, theta0, lr, steps):
    """gradient-clipped: so that it cannot diverge."""
    rows = [theta0]
    for _ in range(steps):
        rows.append(rows[-1] - lr * grad_fn(rows[-1]).clip(-10, 10))
    return np.array(rows)


def gradient_descent__one_row_many_times(grad_fn, theta0, lr, steps):
    """one-row-many-times: the list holds one array that changes all the time."""
    theta = theta0.copy()
    path = [theta]
    for _ in range(steps):
        theta -= lr * grad_fn(theta)
        path.append(theta)
    return np.array(path)


def gradient_descent__end_alone(grad_fn, theta0, lr, steps):
    """end-alone: only the last parameters come back."""
    theta = theta0.copy()
    for _ in range(steps):
        theta = theta - lr * grad_fn(theta)
    return theta


def gradient_descent__start_left_out(grad_fn, theta0, lr, steps):
    """start-left-out: the trajectory begins after the first step."""
    theta, path = theta0, []
    for _ in range(steps):
        theta = theta - lr * grad_fn(theta)
        path.append(theta)
    return np.array(path)


def gradient_descent__end_left_out(grad_fn, theta0, lr, steps):
    """end-left-out: an array of `steps` rows has no place for the last."""
    path = np.zeros((steps, *theta0.shape), dtype=theta0.dtype)
    path[0] = theta0
    for t in range(steps - 1):
        path[t + 1] = path[t] - lr * grad_fn(path[t])
    return path


def gradient_descent__one_step_too_many(grad_fn, theta0, lr, steps):
    """one-step-too-many: a while loop that ends one step late."""
    path, t = [theta0], 0
    while t <= steps:
        path.append(path[-1] - lr * grad_fn(path[-1]))
        t += 1
    return np.array(path)


def gradient_descent__end_left_out_2(grad_fn, theta0, lr, steps):
    """end-left-out: the parameters are noted before each step only."""
    theta, path = theta0.copy(), []
    for _ in range(steps):
        path.append(theta.copy())
        theta -= lr * grad_fn(theta)
    return np.array(path)


def gradient_descent__start_twice(grad_fn, theta0, lr, steps):
    """start-twice: the parameters are noted before the step, and at the start."""
    theta = theta0.copy()
    path = [theta.copy()]
    for _ in range(steps):
        path.append(theta.copy())
        theta -= lr * grad_fn(theta)
    return np.array(path)


def gradient_descent__gradient_of_the_start(grad_fn, theta0, lr, steps):
    """gradient-of-the-start: one gradient, fetched before the loop."""
    grad = grad_fn(theta0)
    path = [theta0]
    for _ in range(steps):
        path.append(path[-1] - lr * grad)
    return np.array(path)


def gradient_descent__steps_from_the_start(grad_fn, theta0, lr, steps):
    """steps-from-the-start: each step goes out from theta0."""
    path = [theta0]
    for _ in range(steps):
        path.append(theta0 - lr * grad_fn(path[-1]))
    return np.array(path)


def gradient_descent__start_ignored(grad_fn, theta0, lr, steps):
    """start-ignored: the descent begins at zero, only the first row is the start."""
    path = np.zeros((steps + 1, *theta0.shape), dtype=theta0.dtype)
    theta = path[0].copy()
    path[0] = theta0
    for t in range(steps):
        theta = theta - lr * grad_fn(theta)
        path[t + 1] = theta
    return path


def gradient_descent__ascent(grad_fn, theta0, lr, steps):
    """ascent: the steps go uphill."""
    path = [theta0]
    for _ in range(steps):
        path.append(path[-1] + lr * grad_fn(path[-1]))
    return np.array(path)


def gradient_descent__rate_missing(grad_fn, theta0, lr, steps):
    """rate-missing: the argument is not used."""
    path = [theta0]
    for _ in range(steps):
        path.append(path[-1] - grad_fn(path[-1]))
    return np.array(path)


def gradient_descent__rate_decays(grad_fn, theta0, lr, steps):
    """rate-decays: a schedule that nobody asked for."""
    path = [theta0]
    for t in range(1, steps + 1):
        path.append(path[-1] - lr / t * grad_fn(path[-1]))
    return np.array(path)


def gradient_descent__gradient_summed(grad_fn, theta0, lr, steps):
    """gradient-summed: `+=` adds up all gradients so far."""
    theta, total = theta0.copy(), np.zeros_like(theta0)
    path = [theta0]
    for _ in range(steps):
        total += grad_fn(theta)
        theta = theta - lr * total
        path.append(theta)
    return np.array(path)


def gradient_descent__stops_early(grad_fn, theta0, lr, steps):
    """stops-early: the loop ends where the gradient is small."""
    theta = theta0.copy()
    path = [theta.copy()]
    for _ in range(steps):
        grad = grad_fn(theta)
        if np.linalg.norm(grad) < 1e-6:
            break
        theta = theta - lr * grad
        path.append(theta.copy())
    return np.array(path)


def gradient_descent__steps_ignored(grad_fn, theta0, lr, steps):
    """steps-ignored: a hundred steps, whatever was asked for."""
    path = [theta0]
    for _ in range(100):
        path.append(path[-1] - lr * grad_fn(path[-1]))
    return np.array(path)


def gradient_descent__gradients_noted(grad_fn, theta0, lr, steps):
    """gradients-noted: the rows hold gradients."""
    theta, path = theta0.copy(), [theta0.copy()]
    for _ in range(steps):
        grad = grad_fn(theta)
        theta = theta - lr * grad
        path.append(grad)
    return np.array(path)


def gradient_descent__time_last(grad_fn, theta0, lr, steps):
    """time-last: the steps run along the last axis."""
    path = [theta0]
    for _ in range(steps):
        path.append(path[-1] - lr * grad_fn(path[-1]))
    return np.moveaxis(np.array(path), 0, -1)


def gradient_descent__pair_returned(grad_fn, theta0, lr, steps):
    """pair-returned: the end and the history, as many optimizers return them."""
    theta = theta0.copy()
    history = [theta.copy()]
    for _ in range(steps):
        theta = theta - lr * grad_fn(theta)
        history.append(theta.copy())
    return theta, np.array(history)


def gradient_descent__rows_in_a_list(grad_fn, theta0, lr, steps):
    """rows-in-a-list: a list of arrays is no array."""
    path = [theta0]
    for _ in range(steps):
        path.append(path[-1] - lr * grad_fn(path[-1]))
    return path


def gradient_descent__rounded(grad_fn, theta0, lr, steps):
    """rounded: the rows are cut to a few decimals."""
    path = [theta0]
    for _ in range(steps):
        path.append(path[-1] - lr * grad_fn(path[-1]))
    return np.round(np.array(path), 6)


def gradient_descent__nothing_returned(grad_fn, theta0, lr, steps):
    """nothing-returned: the trajectory is made and lost."""
    path = [theta0]
    for _ in range(steps):
        path.append(path[-1] - lr * grad_fn(path[-1]))


# gradient_descent: raises


def gradient_descent__undefined_name(grad_fn, theta0, lr, steps):
    """undefined-name: the gradient has the name of another notebook."""
    path = [theta0]
    for _ in range(steps):
        path.append(path[-1] - lr * gradient(path[-1]))  # noqa: F821
    return np.array(path)


def gradient_descent__renamed_parameter(grad_fn, theta0, lr, n_steps):
    """renamed-parameter: `steps` has another name, so nobody can pass it."""
    path = [theta0]
    for _ in range(n_steps):
        path.append(path[-1] - lr * grad_fn(path[-1]))
    return np.array(path)


# gradient_descent: right numbers, wrong dtype


def gradient_descent__widened(grad_fn, theta0, lr, steps):
    """widened: `np.zeros` makes float64 where nothing else is said."""
    path = np.zeros((steps + 1, *theta0.shape))
    path[0] = theta0
    for t in range(steps):
        path[t + 1] = path[t] - lr * grad_fn(path[t])
    return path


# gradient_descent: fails at the edges


def gradient_descent__no_steps_fails(grad_fn, theta0, lr, steps):
    """no-steps-fails: the last row is written before it is looked at whether it is."""
    path = [theta0]
    while True:
        path.append(path[-1] - lr * grad_fn(path[-1]))
        if len(path) > steps:
            return np.array(path)


def gradient_descent__vector_only(grad_fn, theta0, lr, steps):
    """vector-only: the length of a 0-d array is asked for."""
    path = np.empty((steps + 1, len(theta0), *theta0.shape[1:]), dtype=theta0.dtype)
    path[0] = theta0
    for t in range(steps):
        path[t + 1] = path[t] - lr * grad_fn(path[t])
    return path


# gradient_descent: changes an argument


def gradient_descent__start_changed_in_place(grad_fn, theta0, lr, steps):
    """start-changed-in-place: a second name for theta0 is no copy."""
    theta = theta0
    path = [theta.copy()]
    for _ in range(steps):
        theta -= lr * grad_fn(theta)
        path.append(theta.copy())
    return np.array(path)
