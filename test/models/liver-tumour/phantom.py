"""Abdomens with liver tumours, drawn in numpy on small grids: what the network is trained on.

Written apart from the phantoms of @trocar/core/testing that it is later measured on: the same anatomy by the same numbers
(LPS mm), but other code, other noise and another way of mixing voxels at borders. Anatomy is drawn from TRAIN alone; the
phantoms it is measured on come from ranges beside these (HELD_OUT in packages/core/src/testing/liver-tumours.ts).
"""

import numpy as np

SPACING = 3.0

# Anatomy: what is held apart between training and measuring.
TRAIN = {
    "body": [(0.90, 1.04)],  # size of the trunk and of where the organs lie
    "liver": [(0.86, 1.02)],  # size of the liver
    "radius": [(5.0, 9.0), (12.0, 17.0)],  # of a tumour, mm
    "stretch": [(1.0, 1.35)],  # longest through shortest axis of a tumour
}


def drawn(rng, ranges):
    widths = np.array([b - a for a, b in ranges])
    a, b = ranges[rng.choice(len(ranges), p=widths / widths.sum())]
    return rng.uniform(a, b)


def ellipsoid(centre, radii):
    c, r = np.array(centre, float), np.array(radii, float)
    return ("ellipsoid", c, r, c - r, c + r)


def capsule(a, b, radius):
    a, b = np.array(a, float), np.array(b, float)
    return ("capsule", a, b, np.minimum(a, b) - radius, np.maximum(a, b) + radius, radius)


def tube(points, radius):
    return [capsule(a, b, radius) for a, b in zip(points, points[1:])]


def depth(solid, x, y, z):
    """About the signed distance, mm, negative inside: right to first order at the border."""
    if solid[0] == "ellipsoid":
        c, r = solid[1], solid[2]
        u, v, w = (x - c[0]) / r[0], (y - c[1]) / r[1], (z - c[2]) / r[2]
        value = np.sqrt(u * u + v * v + w * w)
        slope = np.sqrt((u / r[0]) ** 2 + (v / r[1]) ** 2 + (w / r[2]) ** 2)
        return value * (value - 1) / np.maximum(slope, 1e-9)
    a, b, radius = solid[1], solid[2], solid[5]
    u = b - a
    px, py, pz = x - a[0], y - a[1], z - a[2]
    f = np.clip((px * u[0] + py * u[1] + pz * u[2]) / (u @ u), 0, 1)
    return np.sqrt((px - f * u[0]) ** 2 + (py - f * u[1]) ** 2 + (pz - f * u[2]) ** 2) - radius


def rib(side, level, s):
    angles = [np.pi * (0.08 + 0.09 * i) for i in range(9)]
    return tube([(s * (-3 + side * 132 * np.sin(t)), s * (8 + 84 * np.cos(t)), s * (level - 5 * i)) for i, t in enumerate(angles)], 5 * s)


def liver_solids(s, g):
    return [
        ellipsoid(np.array([-68, -2, 38]) * s, np.array([66, 74, 62]) * g),
        ellipsoid(np.array([2, -34, 46]) * s, np.array([58, 40, 34]) * g),
    ]


def tumour_solids(rng, centre, radius, stretch):
    radii = radius * np.array([stretch ** (2 / 3), stretch ** (-1 / 3), stretch ** (-1 / 3)])
    rng.shuffle(radii)
    turn = rng.normal(size=3)
    turn /= np.linalg.norm(turn)
    solids = [ellipsoid(centre, radii)]
    if rng.random() < 0.5:
        solids.append(ellipsoid(np.array(centre) + 0.6 * radius * turn, np.full(3, 0.7 * radius)))
    return solids


def place_tumours(rng, liver):
    found = []
    wanted = rng.integers(1, 4)
    for _ in range(200):
        if len(found) == wanted:
            break
        radius, stretch = drawn(rng, TRAIN["radius"]), drawn(rng, TRAIN["stretch"])
        low = np.minimum(liver[0][3], liver[1][3])
        high = np.maximum(liver[0][4], liver[1][4])
        at = rng.uniform(low, high)
        within = min(float(depth(s, *at)) for s in liver)
        clear = all(np.linalg.norm(at - c) > 1.8 * (radius + r) + 6 for c, r, _ in found)
        if within < -0.8 * radius and clear:
            found.append((at, radius, tumour_solids(rng, at, radius, stretch)))
    return found


def body(rng):
    """Parts in painting order: (HU, solids, label); and the tumours' centres with their radii."""
    s, g0 = drawn(rng, TRAIN["body"]), drawn(rng, TRAIN["liver"])
    n = lambda mean, sd: rng.normal(mean, sd)
    p = lambda *v: tuple(np.array(v) * s)
    liver_hu = rng.uniform(88, 125)
    liver = liver_solids(s, s * g0)
    tumours = place_tumours(rng, liver)
    bone = tube([p(-3, 72, -140), p(-3, 66, 140)], 22 * s)
    for level in (118, 88, 58):
        bone += rib(1, level, s) + rib(-1, level - 2, s)
    vessels = (
        tube([p(14, 36, -140), p(10, 34, 140)], 10 * s)
        + tube([p(-22, 34, -140), p(-20, 30, 40), p(-16, 22, 140)], 11 * s)
        + tube([p(-6, 10, -30), p(-26, 0, 22), p(-60, -8, 36), p(-92, -4, 34)], 6 * s)
        + tube([p(-26, 0, 22), p(6, -24, 48)], 4.5 * s)
        + tube([p(-20, 26, 84), p(-52, 12, 64), p(-94, 24, 52)], 4 * s)
    )
    if rng.random() < 0.5:
        vessels += tube([p(-52, 12, 64), p(-74, -18, 78), p(-92, -22, 88)], 3.5 * s)
    stomach = ellipsoid(p(60, -32, 38), p(36, 30, 44))
    parts = [
        (n(-95, 10), [ellipsoid(p(-3, 6, 0), (162 * s, 118 * s, 900))], 0),
        (n(54, 6), [ellipsoid(p(-3, 7, 0), (146 * s, 102 * s, 900))], 0),
        (n(-70, 12), [ellipsoid(p(-3, -6, 0), (128 * s, 76 * s, 900))], 0),
        (n(420, 80), bone, 0),
        (liver_hu, liver, 0),
        (n(115, 12), [ellipsoid(p(98, 30, 52), p(24, 34, 42))], 0),
        (n(165, 20), [ellipsoid(p(-66, 48, -52), p(25, 22, 50)), ellipsoid(p(64, 46, -36), p(27, 23, 54))], 0),
        (n(20, 25), [stomach], 0),
        (n(-900, 60), [ellipsoid(p(60, -46, 38), p(26, 18, 34))] if rng.random() < 0.8 else [], 0),
        (n(10, 8), [ellipsoid(p(-40, -40, -8), p(14, 15, 24))], 0),
        (liver_hu + rng.uniform(40, 110), vessels, 0),
    ]
    for _, _, solids in tumours:
        parts.append((liver_hu - rng.uniform(28, 60), solids, 1))
    return parts, tumours, s


def paint(parts, centre, n, width):
    """HU and tumour share on n³ voxels of SPACING about a centre; axes k, j, i (i fastest). Borders `width` mm wide."""
    offsets = (np.arange(n) - (n - 1) / 2) * SPACING
    x = (centre[0] + offsets)[None, None, :]
    y = (centre[1] + offsets)[None, :, None]
    z = (centre[2] + offsets)[:, None, None]
    reach = n * SPACING / 2 + width
    hu = np.full((n, n, n), -1000.0, np.float32)
    share = np.zeros((n, n, n), np.float32)
    for value, solids, label in parts:
        for solid in solids:
            if np.any(solid[3] > centre + reach) or np.any(solid[4] < centre - reach):
                continue
            d = depth(solid, x, y, z)
            soft = np.clip(0.5 - d / width, 0, 1).astype(np.float32)
            hu += soft * (value - hu)
            target = np.clip(0.5 - d / SPACING, 0, 1).astype(np.float32)
            share = share + target * (label - share) if label == 1 else share * (1 - target)
    return hu, share


def smooth(a, weight, axis):
    """One pass of (w, 1 − 2w, w) along an axis, the ends held."""
    before = np.concatenate([a.take([0], axis), a.take(range(a.shape[axis] - 1), axis)], axis)
    after = np.concatenate([a.take(range(1, a.shape[axis]), axis), a.take([-1], axis)], axis)
    return (1 - 2 * weight) * a + weight * (before + after)


def disturb(rng, hu, oblique):
    """What a scanner adds: blur, texture, noise, a slow bias, streaks, a scale that is a little off, edges of the picture."""
    n = hu.shape[0]
    for axis in range(3):
        for _ in range(rng.integers(0, 3)):
            hu = smooth(hu, rng.uniform(0, 0.25), axis)
    texture = rng.normal(size=hu.shape).astype(np.float32)
    for axis in range(3):
        for _ in range(3):
            texture = smooth(texture, 0.25, axis)
    texture *= rng.uniform(0, 8) / max(1e-6, float(texture.std()))
    noise = rng.normal(size=hu.shape).astype(np.float32) * rng.uniform(1, 16)
    t = np.linspace(-1, 1, n, dtype=np.float32)
    g = rng.normal(size=3) * 4
    bias = g[0] * t[None, None, :] + g[1] * t[None, :, None] + g[2] * t[:, None, None]
    streaks = 0
    for _ in range(rng.integers(0, 4)):
        angle, phase, pitch = rng.uniform(0, np.pi), rng.uniform(0, 6.28), rng.uniform(0.6, 2.5)
        across = np.cos(angle) * np.arange(n)[None, None, :] + np.sin(angle) * np.arange(n)[None, :, None]
        streaks = streaks + rng.uniform(0, 7) * np.sin(across / pitch + phase) * rng.uniform(0.3, 1, size=(n, 1, 1))
    body_part = hu > -500
    out = (hu * rng.uniform(0.98, 1.02) + texture + bias + streaks * body_part + noise).astype(np.float32)
    if not oblique and rng.random() < 0.25:
        axis, cut = rng.integers(3), rng.integers(1, n // 2)
        beyond = np.arange(n) < cut if rng.random() < 0.5 else np.arange(n) >= n - cut
        shape = [1, 1, 1]
        shape[axis] = n
        gone = np.broadcast_to(beyond.reshape(shape), out.shape)
        return np.where(gone, np.float32(-1000), out), ~gone
    if oblique and rng.random() < 0.6:
        gone = np.zeros(out.shape, bool)
        for _ in range(rng.integers(1, 3)):
            gone |= behind_plane(rng, n)
        return np.where(gone, np.float32(-1000), out), ~gone
    return out, np.ones(out.shape, bool)


def behind_plane(rng, n):
    """What lies behind an edge of the picture that is nearly along an axis."""
    normal = rng.uniform(-0.25, 0.25, 3)
    normal[rng.integers(3)] = rng.choice([-1.0, 1.0])
    t = np.arange(n) - (n - 1) / 2
    along = normal[0] * t[None, None, :] + normal[1] * t[None, :, None] + normal[2] * t[:, None, None]
    return along > rng.uniform(0, n / 2)


def sample(rng, n, oblique=False):
    """One patch: HU, tumour share, and which voxels count."""
    parts, tumours, s = body(rng)
    pick = rng.random()
    if pick < 0.6 and tumours:
        at = tumours[rng.integers(len(tumours))][0] + rng.uniform(-0.35, 0.35, 3) * n * SPACING
    elif pick < 0.85:
        at = np.array([-50, 0, 30]) * s + rng.uniform(-1, 1, 3) * [90, 70, 80]
    else:
        at = rng.uniform([-170, -120, -120], [170, 130, 120])
    hu, share = paint(parts, at, n, rng.uniform(3, 4.5))
    hu, counts = disturb(rng, hu, oblique)
    return hu, share, counts
