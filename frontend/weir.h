// All of Weir's C++ interface: one include to declare, differentiate, compile and run a graph.
#pragma once

#include "frontend/api/checkpoint.h"
#include "frontend/api/control.h"
#include "frontend/api/graph.h"
#include "frontend/api/jacobian.h"
#include "frontend/api/math.h"
#include "frontend/api/ops.h"
#include "frontend/api/precision.h"
#include "frontend/nn/blocked_attention.h"
#include "frontend/nn/conv.h"
#include "frontend/nn/einsum.h"
#include "frontend/nn/layers.h"
#include "frontend/nn/losses.h"
#include "frontend/nn/moe.h"
#include "frontend/nn/norms.h"
#include "frontend/nn/optimizer.h"
#include "frontend/nn/recurrent.h"
